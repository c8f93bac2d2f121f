"""Pure rules of processes: definitions, transitions, due dates, forms. No input or output, no session, no clock."""
