from glob import glob

from setuptools import find_packages, setup

package_name = 'yolo_heatmap_ros'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/launch', glob('launch/*.launch.py')),
        (f'share/{package_name}/config', glob('config/*')),
        (f'share/{package_name}/demo', glob('demo/*')),
        (f'share/{package_name}/web', glob('web/*')),
    ],
    # The ROS packages come from ROS, as package.xml says.
    install_requires=['setuptools', 'av', 'filelock', 'lap', 'matplotlib', 'numpy',
                      'opencv-python', 'pillow', 'platformdirs', 'pyyaml', 'tqdm',
                      'ultralytics'],
    extras_require={'archive': ['bokeh', 'distributed'],
                    'arrays': ['pyarrow', 'xarray', 'zarr'], 'bags': ['rosbags'],
                    'heic': ['pi-heif'], 'test': ['pytest'], 'web': ['aiohttp']},
    zip_safe=True,
    maintainer='yolo_heatmap_ros maintainers',
    maintainer_email='yolo_heatmap_ros@example.org',
    description='Heatmaps of where YOLO sees objects in front of a camera, as image topics',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            f'archive = {package_name}.apps.archive:main',
            f'calibrate = {package_name}.apps.calibrate:main',
            f'demo = {package_name}.apps.demo:main',
            f'floor_node = {package_name}.nodes.floor_node:main',
            f'heatmap_cameras = {package_name}.nodes.heatmap_cameras:main',
            f'heatmap_node = {package_name}.nodes.heatmap_node:main',
            f'history = {package_name}.apps.history:main',
            f'playback_node = {package_name}.nodes.playback_node:main',
            f'render = {package_name}.apps.render:main',
            f'viewer = {package_name}.apps.viewer:main',
            f'web_viewer = {package_name}.apps.web_viewer:main',
        ],
    },
)
