"""Sinowealth: small boards with a chip that speaks its own protocol."""
