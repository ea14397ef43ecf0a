"""REST glue without domain: problem details, pages of lists, ETags, repeated requests, the description."""
