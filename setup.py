"""Metadata of the `dalybms` package; pyproject.toml names the build system and the tools."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
EXTRAS = {
    "bluetooth": ["bleak>=0.22"],
    "mqtt": ["paho-mqtt>=1.6.1"],
    "prometheus": ["prometheus-client>=0.16"],
    "ui": ["rich>=13"],
    "config": ['tomli>=1.1; python_version < "3.11"'],
    "plot": ["matplotlib>=3.5"],
}
"""What is needed by a part of the program alone; each is loaded only by that part."""


def version() -> str:
    """The version as dalybms/__init__.py states it, read without importing the package."""
    text = (HERE / "dalybms" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError('dalybms/__init__.py has no line __version__ = "..."; restore it')
    return found.group(1)


setup(
    name="dalybms",
    version=version(),
    description="Read, check and control Daly battery management systems over serial, network and Bluetooth",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the dalybms authors",
    license_expression="MIT",
    license_files=["LICENSE"],
    keywords=["daly", "bms", "battery", "rs485", "uart", "bluetooth", "nagios", "lifepo4"],
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: End Users/Desktop",
        "Intended Audience :: System Administrators",
        "Operating System :: MacOS",
        "Operating System :: Microsoft :: Windows",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Programming Language :: Python :: 3.15",
        "Topic :: Home Automation",
        "Topic :: System :: Hardware :: Universal Serial Bus (USB)",
        "Topic :: System :: Monitoring",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["dalybms", "dalybms.*"]),
    package_data={"dalybms": ["py.typed"]},
    data_files=[
        ("share/man/man1", ["docs/daly-bms-cli.1"]),
        ("share/bash-completion/completions", ["contrib/completion/daly-bms-cli"]),
        ("share/zsh/site-functions", ["contrib/completion/_daly-bms-cli"]),
        ("share/fish/vendor_completions.d", ["contrib/completion/daly-bms-cli.fish"]),
    ],
    python_requires=">=3.9",
    install_requires=["pyserial>=3.5"],
    extras_require={**EXTRAS, "all": sorted({need for needs in EXTRAS.values() for need in needs})},
    entry_points={"console_scripts": ["daly-bms-cli=dalybms.cli.main:main"]},
)
