"""The commands, a module for each part of the journey. Importing a module registers its commands."""
