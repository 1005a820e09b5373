"""Questions to a history, as the command `history` and the page ask them: text in, answers out."""
