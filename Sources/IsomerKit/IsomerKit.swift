@_exported public import IsomerBytes
@_exported public import IsomerConversion
@_exported public import IsomerFormats
@_exported public import IsomerTensors
@_exported public import IsomerTokenizers
