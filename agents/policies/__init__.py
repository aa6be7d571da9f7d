"""Policies of other forms: servers, ONNX, TorchScript, Stable-Baselines3 (`entitybench.forms`)."""
