import ArgumentParser
import IsomerCommands

Isomer.main()
