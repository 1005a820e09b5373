"""Heat over time: who was where and for how long; numpy and OpenCV, no I/O."""
