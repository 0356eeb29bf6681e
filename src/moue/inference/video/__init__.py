"""Videos, cameras and streams: frames with time stamps, faces followed over time, and what is written about them."""
