"""Would a sweep work? Asks AWS and changes nothing."""
