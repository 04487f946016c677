"""What coordinator and worker both speak; imports neither."""
