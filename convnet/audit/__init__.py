"""`convnet audit`: what is wrong with a folder and its labels, before a network learns it."""
