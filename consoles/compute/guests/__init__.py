"""Built-in guests of the driver `stub`: a screen, a serial line and a console log, without a VM."""
