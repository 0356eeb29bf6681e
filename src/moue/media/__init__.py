"""The inputs: images, folders, addresses, videos, cameras."""
