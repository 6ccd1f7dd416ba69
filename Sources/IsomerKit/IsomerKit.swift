@_exported public import IsomerArchitectures
@_exported public import IsomerBytes
@_exported public import IsomerConversion
@_exported public import IsomerFormats
@_exported public import IsomerImages
@_exported public import IsomerMapping
@_exported public import IsomerTensors
@_exported public import IsomerTokenizers
