"""A target whose things terraform makes, as infra/ declares them."""
