"""Start heatmap nodes for a YAML list of cameras, in one process or in one for each."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from yolo_heatmap_ros.config.cameras import read_cameras


def start(context):
    """Return one process for all cameras, or a node process for each."""
    path = LaunchConfiguration('cameras').perform(context)
    if LaunchConfiguration('shared').perform(context).lower() in ('true', '1', 'yes'):
        return [Node(package='yolo_heatmap_ros', executable='heatmap_cameras', output='screen',
                     parameters=[{'cameras': path}])]
    refused = []
    cameras = read_cameras(path, refused.append)
    return [*(LogInfo(msg=reason) for reason in refused),
            *(Node(package='yolo_heatmap_ros', executable='heatmap_node', output='screen',
                   namespace=camera.name, remappings=[('image', camera.image)],
                   parameters=[camera.parameters] if camera.parameters else [])
              for camera in cameras)]


def page(context):
    """Return the page, which shows all heatmap and floor nodes that it finds."""
    if LaunchConfiguration('web').perform(context) != 'true':
        return []
    return [Node(package='yolo_heatmap_ros', executable='web_viewer', output='screen',
                 parameters=[{'heatmap_node': 'all', 'port': ParameterValue(
                     LaunchConfiguration('web_port'), value_type=int)}])]


def generate_launch_description():
    """Return the nodes of all cameras."""
    return LaunchDescription([
        DeclareLaunchArgument('cameras', default_value=PathJoinSubstitution(
            [FindPackageShare('yolo_heatmap_ros'), 'config', 'cameras.yaml']),
            description='A YAML file with names, image topics and parameters of the cameras'),
        DeclareLaunchArgument('shared', default_value='true',
                              description='true: one process, in which cameras share loaded '
                                          'models; false: a process for each camera'),
        DeclareLaunchArgument('web', default_value='false', choices=['true', 'false'],
                              description='Serve a web page with the pictures on this machine'),
        DeclareLaunchArgument('web_port', default_value='8080',
                              description='The port of the web page'),
        OpaqueFunction(function=start),
        OpaqueFunction(function=page),
    ])
