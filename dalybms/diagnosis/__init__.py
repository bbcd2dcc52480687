"""Why does a battery not answer, and what is wrong with one that does. Nothing but reads is sent."""
