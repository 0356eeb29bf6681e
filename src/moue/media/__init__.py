"""What comes in: images, folders, addresses, videos, cameras."""
