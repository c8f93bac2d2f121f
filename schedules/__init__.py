"""The clock: a table of jobs and what runs it. Any number of clocks may run; each job claims what it works on."""
