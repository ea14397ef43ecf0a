"""The desk's pages: staff work tickets, customers' contacts open and follow them."""
