"""Where prices are from: an interface (ports.PriceBook), and one file for each source."""
