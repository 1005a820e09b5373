"""The heat and its pictures: plain numpy and OpenCV, without ROS and without a model."""
