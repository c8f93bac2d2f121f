"""The rules of acting on a case, by what is done: each module changes a `Change`, which becomes the Transition."""
