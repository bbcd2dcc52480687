"""A5: 13-byte frames, the classic protocol of UART and RS485."""
