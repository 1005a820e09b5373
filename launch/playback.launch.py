"""Publish a video, an image, a folder, a camera or a stream on a topic."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue


def generate_launch_description():
    """Return the playback node."""
    return LaunchDescription([
        DeclareLaunchArgument('source', description=(
            'A video, an image, a folder of images, a camera index or a stream URL')),
        DeclareLaunchArgument('rate', default_value='0.0', description=(
            "Frames per second; 0: the source's own")),
        DeclareLaunchArgument('loop', default_value='false', choices=['true', 'false'],
                              description='Start over at the end of the source'),
        DeclareLaunchArgument('image_topic', default_value='image_raw',
                              description='The topic to publish on'),
        Node(package='yolo_heatmap_ros', executable='playback_node', output='screen',
             parameters=[{
                 'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                 'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
                 'loop': ParameterValue(LaunchConfiguration('loop'), value_type=bool)}],
             remappings=[('image_raw', LaunchConfiguration('image_topic'))]),
    ])
