"""What people see: the page, the documentation, and the document both are made from."""
