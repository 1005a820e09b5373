"""Heat as pictures: arrays in, arrays out."""
