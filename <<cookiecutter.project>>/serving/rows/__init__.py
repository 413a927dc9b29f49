"""What a client sends, as rows that keep the contract."""
