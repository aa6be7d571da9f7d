"""MAC-Flow: a flow of joint actions, distilled into one-step policies of agents (ICLR 2026)."""
