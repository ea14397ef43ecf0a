"""Pages both sides have: tasks, events, people, the own account; and the frame's fragments."""
