"""What runs in the throw-away environment: peers, raw limits, handlers."""
