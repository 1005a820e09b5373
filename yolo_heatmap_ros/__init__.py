"""Heatmaps of where YOLO sees objects in front of a camera, as ROS 2 image topics."""

__version__ = '0.1.0'
