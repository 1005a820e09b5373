"""Start the heatmap node on a live camera."""

import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

OVERRIDES = {
    'weights': 'A model file or name, such as yolo12n.pt or ~/my.pt',
    'colormap': 'An OpenCV colormap, such as JET, HOT or VIRIDIS',
    'device': 'Where the model runs: cpu, 0, cuda:0',
    'classes': "The classes to count: person, '[person, car]' or '[0, 2]'",
}


def start(context):
    """Return the node; arguments override `params_file` where they are given."""
    given = {name: LaunchConfiguration(name).perform(context) for name in OVERRIDES}
    params_file = LaunchConfiguration('params_file').perform(context)
    if not os.path.isfile(params_file):
        # launch_ros would go on without it.
        raise FileNotFoundError(f"params_file '{params_file}': no such file")
    nodes = [Node(
        package='yolo_heatmap_ros', executable='heatmap_node', output='screen',
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'),
                    {name: ParameterValue(value, value_type=str)
                     for name, value in given.items() if value}],
        remappings=[('image', LaunchConfiguration('image_topic'))])]
    if LaunchConfiguration('viewer').perform(context) == 'opencv':
        nodes.append(Node(
            package='yolo_heatmap_ros', executable='viewer', output='screen',
            namespace=LaunchConfiguration('namespace'),
            remappings=[('image', 'yolo_heatmap/composite')]))
    elif LaunchConfiguration('viewer').perform(context) == 'rqt_image_view':
        nodes.append(Node(
            package='rqt_image_view', executable='rqt_image_view',
            namespace=LaunchConfiguration('namespace'),
            remappings=[('image', 'yolo_heatmap/composite')]))
    if LaunchConfiguration('web').perform(context) == 'true':
        nodes.append(Node(
            package='yolo_heatmap_ros', executable='web_viewer', output='screen',
            namespace=LaunchConfiguration('namespace'),
            parameters=[{'port': ParameterValue(LaunchConfiguration('web_port'),
                                                value_type=int)}]))
    return nodes


def generate_launch_description():
    """Return the heatmap node."""
    return LaunchDescription([
        DeclareLaunchArgument('image_topic', default_value='image',
                              description="The camera's sensor_msgs/Image topic"),
        DeclareLaunchArgument('namespace', default_value='',
                              description='The namespace of the node and its topics'),
        DeclareLaunchArgument('params_file', default_value=PathJoinSubstitution(
            [FindPackageShare('yolo_heatmap_ros'), 'config', 'heatmap.yaml']),
            description='A YAML file with the parameters of the node'),
        *(DeclareLaunchArgument(name, default_value='',
                                description=f'{description}; empty: as in params_file')
          for name, description in OVERRIDES.items()),
        DeclareLaunchArgument('viewer', default_value='none',
                              choices=['none', 'rqt_image_view', 'opencv'],
                              description='A window that shows the composite'),
        DeclareLaunchArgument('web', default_value='false', choices=['true', 'false'],
                              description='Serve a web page with the pictures on this machine'),
        DeclareLaunchArgument('web_port', default_value='8080',
                              description='The port of the web page'),
        OpaqueFunction(function=start),
    ])
