"""The packed layouts that Lua and Python share."""
