"""What the client tests share: a running server, and Flight SQL messages written by hand."""
