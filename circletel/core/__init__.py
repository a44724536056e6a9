"""The kernel: what every app uses and which itself knows no app."""
