"""Start the floor node, which fuses the heatmap nodes of several cameras."""

import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

OVERRIDES = {
    'heatmap_nodes': "The heatmap nodes to fuse: '[/front/yolo_heatmap, /back/yolo_heatmap]'",
    'ground.extent': "The part of the floor to map in m: '[-5, -5, 15, 10]'",
    'ground.frame_id': 'The frame of the floor, such as map',
}


def argument_of(name):
    """Return the launch argument for a parameter."""
    return name.removeprefix('ground.')


def start(context):
    """Return the node; arguments override `params_file` where they are given."""
    given = {name: LaunchConfiguration(argument_of(name)).perform(context) for name in OVERRIDES}
    params_file = LaunchConfiguration('params_file').perform(context)
    if not os.path.isfile(params_file):
        # launch_ros would go on without it.
        raise FileNotFoundError(f"params_file '{params_file}': no such file")
    return [Node(
        package='yolo_heatmap_ros', executable='floor_node', output='screen',
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'),
                    {name: ParameterValue(value, value_type=str)
                     for name, value in given.items() if value}])]


def page(context):
    """Return the page, which shows all heatmap and floor nodes that it finds."""
    if LaunchConfiguration('web').perform(context) != 'true':
        return []
    return [Node(package='yolo_heatmap_ros', executable='web_viewer', output='screen',
                 parameters=[{'heatmap_node': 'all', 'port': ParameterValue(
                     LaunchConfiguration('web_port'), value_type=int)}])]


def generate_launch_description():
    """Return the floor node."""
    return LaunchDescription([
        *(DeclareLaunchArgument(argument_of(name), default_value='',
                                description=f'{description}; empty: as in params_file')
          for name, description in OVERRIDES.items()),
        DeclareLaunchArgument('namespace', default_value='',
                              description='The namespace of the node and its topics'),
        DeclareLaunchArgument('params_file', default_value=PathJoinSubstitution(
            [FindPackageShare('yolo_heatmap_ros'), 'config', 'floor.yaml']),
            description='A YAML file with the parameters of the node'),
        DeclareLaunchArgument('web', default_value='false', choices=['true', 'false'],
                              description='Serve a web page with the pictures on this machine'),
        DeclareLaunchArgument('web_port', default_value='8080',
                              description='The port of the web page'),
        OpaqueFunction(function=start),
        OpaqueFunction(function=page),
    ])
