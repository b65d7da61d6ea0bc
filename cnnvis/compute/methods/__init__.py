"""Explanation methods, one paper per file."""

from cnnvis.compute.methods.grad_cam import GradCam

__all__ = ["GradCam"]
