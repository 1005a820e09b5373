"""Play a video, the embedded clip by default, through the heatmap node, and show it."""

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument, EmitEvent, LogInfo, OpaqueFunction, RegisterEventHandler)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from yolo_heatmap_ros.ros.package_share import source_or_clip, weights_for

VIEWER_PACKAGE = 'rqt_image_view'


def viewer_exists():
    """Return whether rqt_image_view is installed."""
    try:
        get_package_prefix(VIEWER_PACKAGE)
    except PackageNotFoundError:
        return False
    return True


def start(context):
    """Return the nodes for the given arguments."""
    def argument(name):
        return LaunchConfiguration(name).perform(context)

    def text(value):
        return ParameterValue(value, value_type=str)
    source, viewer = argument('source'), argument('viewer')
    playback = Node(
        package='yolo_heatmap_ros', executable='playback_node', output='screen',
        parameters=[{
            'source': text(source_or_clip(source)),
            'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
            'loop': ParameterValue(LaunchConfiguration('loop'), value_type=bool),
            'wait_for_subscribers': 1}])
    heatmap = Node(
        package='yolo_heatmap_ros', executable='heatmap_node', output='screen',
        parameters=[{name: text(value) for name, value in (
            ('weights', weights_for(source, argument('weights'))),
            ('colormap', argument('colormap')), ('device', argument('device')),
            ('classes', argument('classes')))}],
        remappings=[('image', 'image_raw')])
    actions = [playback, heatmap]
    ends = {playback: 'the source has ended', heatmap: 'the heatmap node has ended'}
    if viewer == VIEWER_PACKAGE or (viewer == 'auto' and viewer_exists()):
        window = Node(package=VIEWER_PACKAGE, executable=VIEWER_PACKAGE,
                      arguments=['/yolo_heatmap/composite'])
        actions.append(window)
        ends[window] = 'the viewer was closed'
    elif viewer == 'opencv':
        window = Node(package='yolo_heatmap_ros', executable='viewer',
                      remappings=[('image', 'yolo_heatmap/composite')])
        actions.append(window)
        ends[window] = 'the viewer was closed'
    else:
        actions.append(LogInfo(msg='no viewer: look at /yolo_heatmap/composite'))
    if argument('web') == 'true':
        actions.append(Node(package='yolo_heatmap_ros', executable='web_viewer', output='screen',
                            parameters=[{'port': ParameterValue(LaunchConfiguration('web_port'),
                                                                value_type=int)}]))
    # The handlers come first: a process may exit before a later action is executed.
    return [RegisterEventHandler(OnProcessExit(
        target_action=node,
        on_exit=[LogInfo(msg=reason), EmitEvent(event=Shutdown(reason=reason))]))
        for node, reason in ends.items()] + actions


def generate_launch_description():
    """Return playback, heatmap node and viewer, which end together."""
    return LaunchDescription([
        DeclareLaunchArgument('source', default_value='', description=(
            'A video, an image, a folder of images, a camera index or a stream URL; '
            'empty: the embedded clip')),
        DeclareLaunchArgument('weights', default_value='', description=(
            'A model file or name; empty: the embedded weights for the embedded clip, else '
            'yolo12n.pt')),
        DeclareLaunchArgument('colormap', default_value='JET',
                              description='An OpenCV colormap, such as JET, HOT or VIRIDIS'),
        DeclareLaunchArgument('device', default_value='', description=(
            'Where the model runs: cpu, 0, cuda:0; empty: a GPU if available')),
        DeclareLaunchArgument('classes', default_value='', description=(
            "The classes to count: person, '[person, car]' or '[0, 2]'; empty: all")),
        DeclareLaunchArgument('loop', default_value='false', choices=['true', 'false'],
                              description='Start over at the end of the source'),
        DeclareLaunchArgument('rate', default_value='0.0', description=(
            "Frames per second; 0: the source's own")),
        DeclareLaunchArgument('viewer', default_value='auto',
                              choices=['auto', VIEWER_PACKAGE, 'opencv', 'none'], description=(
                                  'auto: rqt_image_view if it is installed; opencv: the '
                                  'window of this package')),
        DeclareLaunchArgument('web', default_value='false', choices=['true', 'false'],
                              description='Serve a web page with the pictures on this machine'),
        DeclareLaunchArgument('web_port', default_value='8080',
                              description='The port of the web page'),
        OpaqueFunction(function=start),
    ])
