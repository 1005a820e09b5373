"""Frames with their times, from and to files, streams and recordings, without ROS."""
