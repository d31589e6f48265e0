"""The model that comes with Tilewright: its task, the recipe of its training, and its scores."""
