"""Start the heatmap node on a camera that is there."""

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
    'classes': "The classes that count: person, '[person, car]' or '[0, 2]'",
}


def start(context):
    """Return the node; arguments that are not given leave what `params_file` says."""
    given = {name: LaunchConfiguration(name).perform(context) for name in OVERRIDES}
    return [Node(
        package='yolo_heatmap_ros', executable='heatmap_node', output='screen',
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'),
                    {name: ParameterValue(value, value_type=str)
                     for name, value in given.items() if value}],
        remappings=[('image', LaunchConfiguration('image_topic'))])]


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
                                description=f'{description}; empty: as params_file says')
          for name, description in OVERRIDES.items()),
        OpaqueFunction(function=start),
    ])
