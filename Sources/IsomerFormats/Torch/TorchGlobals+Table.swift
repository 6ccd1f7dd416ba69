/// The lists that `TorchGlobal` decides by: a module and names in it to a line. A line that begins with `#` says where what follows comes from.
///
/// Names are Python 3's; `PythonTwoNames` translates older ones first.
extension TorchGlobal {
    static let builderTable = """
        # PyTorch 2.13 torch/_utils.py, torch/_tensor.py, torch/nn/parameter.py; what weights_only=True allows.
        torch._utils _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state
        torch._utils _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor
        torch._utils _rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass
        torch._utils _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_xla_tensor
        torch._tensor _rebuild_from_type_v2
        torch.nn.parameter Parameter Buffer
        # PyTorch 0.1 to 0.4: tensors wrapped in variables; sparse tensors of one layout.
        torch.autograd.variable Variable
        torch.autograd._functions.tensor Variable
        torch.tensor _rebuild_from_type_v2
        torch.sparse _rebuild_sparse_tensor
        """

    static let descriptorTable = """
        # PyTorch 2.13 torch/storage.py and torch/serialization.py.
        torch.storage UntypedStorage TypedStorage _UntypedStorage _TypedStorage
        torch UntypedStorage TypedStorage Tensor Size device
        torch ByteStorage CharStorage ShortStorage IntStorage LongStorage HalfStorage BFloat16Storage FloatStorage DoubleStorage
        torch BoolStorage ComplexFloatStorage ComplexDoubleStorage
        torch QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage
        torch.cuda ByteStorage CharStorage ShortStorage IntStorage LongStorage HalfStorage BFloat16Storage FloatStorage DoubleStorage
        torch.cuda BoolStorage ComplexFloatStorage ComplexDoubleStorage UntypedStorage TypedStorage
        torch bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 half bfloat16 float32 float float64 double
        torch complex32 chalf complex64 cfloat complex128 cdouble short int long
        torch float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2
        torch qint8 quint8 qint32 quint4x2 quint2x4 bits8 bits16 bits1x8 bits2x4 bits4x2
        torch uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7
        torch per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric per_channel_affine_float_qparams
        torch strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc contiguous_format channels_last channels_last_3d preserve_format
        torch FloatTensor DoubleTensor HalfTensor BFloat16Tensor ByteTensor CharTensor ShortTensor IntTensor LongTensor BoolTensor
        torch.cuda FloatTensor DoubleTensor HalfTensor BFloat16Tensor ByteTensor CharTensor ShortTensor IntTensor LongTensor BoolTensor
        torch._tensor Tensor
        torch.serialization _get_layout
        """

    static let inertTable = """
        # CPython 3.13: how the standard library's plain values pickle (copyreg, datetime, collections, pathlib, decimal, uuid).
        _codecs encode
        copyreg _reconstructor __newobj__
        builtins object bool int float complex str bytes bytearray list tuple dict set frozenset slice range NoneType Ellipsis
        collections OrderedDict defaultdict deque Counter UserDict UserList UserString ChainMap
        argparse Namespace
        types SimpleNamespace NoneType
        datetime datetime date time timedelta timezone
        pathlib Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath
        pathlib._local Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath
        decimal Decimal
        fractions Fraction
        uuid UUID SafeUUID
        typing Any Union Optional List Dict Tuple Set
        zoneinfo ZoneInfo ZoneInfo._unpickle
        ipaddress IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface
        # NumPy 1.26 and 2.4: scalars, arrays, types and random states.
        numpy dtype ndarray bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128
        numpy longlong ulonglong intc uintc longdouble clongdouble float128 complex256 str_ bytes_ datetime64 timedelta64 void object_
        numpy matrix record recarray
        numpy.matrixlib.defmatrix matrix
        numpy.rec recarray record
        numpy.core.records recarray record
        numpy.char chararray
        numpy.ma MaskedArray
        numpy._core._internal _convert_to_stringdtype_kwargs
        numpy.core.multiarray scalar _reconstruct
        numpy.core._internal _reconstruct
        numpy._core.multiarray scalar _reconstruct
        numpy.core.numeric _frombuffer
        numpy._core.numeric _frombuffer
        numpy.dtypes BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType UInt64DType
        numpy.dtypes Float16DType Float32DType Float64DType Complex64DType Complex128DType StrDType BytesDType
        numpy.ma.core _mareconstruct MaskedArray
        numpy.random._pickle __randomstate_ctor __generator_ctor __bit_generator_ctor
        numpy.random._mt19937 MT19937
        numpy.random._pcg64 PCG64 PCG64DXSM
        numpy.random._philox Philox
        numpy.random._sfc64 SFC64
        numpy.random.bit_generator SeedSequence __pyx_unpickle_SeedSequence
        # SciPy 1.17 and before 1.8: sparse matrices, whose pickled state is their attributes.
        scipy.sparse._bsr bsr_matrix bsr_array
        scipy.sparse._coo coo_matrix coo_array
        scipy.sparse._csc csc_matrix csc_array
        scipy.sparse._csr csr_matrix csr_array
        scipy.sparse._dia dia_matrix dia_array
        scipy.sparse._dok dok_matrix dok_array
        scipy.sparse._lil lil_matrix lil_array
        scipy.sparse.bsr bsr_matrix
        scipy.sparse.coo coo_matrix
        scipy.sparse.csc csc_matrix
        scipy.sparse.csr csr_matrix
        scipy.sparse.dia dia_matrix
        scipy.sparse.dok dok_matrix
        scipy.sparse.lil lil_matrix
        # pytorch_lightning 0.7 to 2.5, lightning 2: what trainers put beside the weights.
        pytorch_lightning.utilities.parsing AttributeDict
        lightning_fabric.utilities.data AttributeDict
        lightning.fabric.utilities.data AttributeDict
        lightning.pytorch.utilities.parsing AttributeDict
        pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint
        pytorch_lightning.callbacks.early_stopping EarlyStopping
        pytorch_lightning.callbacks.lr_monitor LearningRateMonitor
        pytorch_lightning.callbacks.lr_logger LearningRateLogger
        pytorch_lightning.callbacks.progress ProgressBar ProgressBarBase
        pytorch_lightning.callbacks.progress.base ProgressBarBase
        pytorch_lightning.callbacks.progress.tqdm_progress TQDMProgressBar
        pytorch_lightning.callbacks.progress.rich_progress RichProgressBar
        pytorch_lightning.callbacks.timer Timer
        pytorch_lightning.callbacks.base Callback
        pytorch_lightning.callbacks.callback Callback
        pytorch_lightning.callbacks.gpu_stats_monitor GPUStatsMonitor
        pytorch_lightning.callbacks.device_stats_monitor DeviceStatsMonitor
        pytorch_lightning.callbacks.stochastic_weight_avg StochasticWeightAveraging
        pytorch_lightning.callbacks.weight_averaging WeightAveraging EMAWeightAveraging
        pytorch_lightning.callbacks.finetuning BackboneFinetuning BaseFinetuning
        pytorch_lightning.callbacks.model_summary ModelSummary
        lightning.pytorch.callbacks.model_checkpoint ModelCheckpoint
        lightning.pytorch.callbacks.early_stopping EarlyStopping
        lightning.pytorch.callbacks.lr_monitor LearningRateMonitor
        lightning.pytorch.callbacks.stochastic_weight_avg StochasticWeightAveraging
        lightning.pytorch.callbacks.timer Timer
        pytorch_lightning.trainer.states TrainerStatus TrainerFn RunningStage TrainerState
        pytorch_lightning.utilities.enums AMPType DistributedType DeviceType GradClipAlgorithmType LightningEnum
        pytorch_lightning.utilities.types _EVALUATE_OUTPUT
        # OmegaConf 2.0 to 2.3.
        omegaconf.dictconfig DictConfig
        omegaconf.listconfig ListConfig
        omegaconf.base ContainerMetadata Metadata Container Node SCMode
        omegaconf.nodes AnyNode ValueNode StringNode IntegerNode FloatNode BooleanNode BytesNode PathNode EnumNode InterpolationResultNode
        omegaconf OmegaConf DictConfig ListConfig
        # Hugging Face transformers 4 and 5, accelerate, datasets: training arguments beside weights.
        transformers.training_args TrainingArguments OptimizerNames ParallelMode
        transformers.training_args_seq2seq Seq2SeqTrainingArguments
        transformers.trainer_utils HubStrategy IntervalStrategy SchedulerType EvaluationStrategy SaveStrategy FSDPOption
        transformers.trainer_pt_utils AcceleratorConfig
        transformers.integrations.deepspeed HfDeepSpeedConfig HfTrainerDeepSpeedConfig
        accelerate.state PartialState AcceleratorState
        accelerate.utils.dataclasses DistributedType DeepSpeedPlugin DynamoBackend PrecisionType
        # PyTorch 2.13: classes of torch.nn and torch.optim, whose pickled state is their attributes.
        torch.nn.modules.activation CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish
        torch.nn.modules.activation MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus
        torch.nn.modules.activation Softshrink Softsign Tanh Tanhshrink Threshold
        torch.nn.modules.adaptive AdaptiveLogSoftmaxWithLoss
        torch.nn.modules.batchnorm BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm
        torch.nn.modules.channelshuffle ChannelShuffle
        torch.nn.modules.container Container ModuleDict ModuleList ParameterDict ParameterList Sequential
        torch.nn.modules.conv Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d
        torch.nn.modules.conv LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
        torch.nn.modules.distance CosineSimilarity PairwiseDistance
        torch.nn.modules.dropout AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout
        torch.nn.modules.flatten Flatten Unflatten
        torch.nn.modules.fold Fold Unfold
        torch.nn.modules.instancenorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d
        torch.nn.modules.instancenorm LazyInstanceNorm3d
        torch.nn.modules.linear Bilinear Identity LazyLinear Linear NonDynamicallyQuantizableLinear
        torch.nn.modules.loss BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss
        torch.nn.modules.loss HuberLoss KLDivLoss L1Loss LinearCrossEntropyLoss MSELoss MarginRankingLoss MultiLabelMarginLoss
        torch.nn.modules.loss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss
        torch.nn.modules.loss TripletMarginLoss TripletMarginWithDistanceLoss
        torch.nn.modules.module Module
        torch.nn.modules.normalization CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm
        torch.nn.modules.padding CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d
        torch.nn.modules.padding ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d
        torch.nn.modules.padding ZeroPad3d
        torch.nn.modules.pixelshuffle PixelShuffle PixelUnshuffle
        torch.nn.modules.pooling AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
        torch.nn.modules.pooling AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d
        torch.nn.modules.pooling LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
        torch.nn.modules.rnn GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase
        torch.nn.modules.sparse Embedding EmbeddingBag
        torch.nn.modules.transformer Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
        torch.nn.modules.upsampling Upsample UpsamplingBilinear2d UpsamplingNearest2d
        torch.nn.parallel.data_parallel DataParallel
        torch.nn.parallel.distributed DistributedDataParallel
        torch.optim.adadelta Adadelta
        torch.optim.adagrad Adagrad
        torch.optim.adam Adam
        torch.optim.adamax Adamax
        torch.optim.adamw AdamW
        torch.optim.asgd ASGD
        torch.optim Adafactor Muon
        torch.optim._adafactor Adafactor
        torch.optim._muon Muon
        torch.optim.swa_utils AveragedModel SWALR
        torch.optim.lbfgs LBFGS
        torch.optim.lr_scheduler ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR
        torch.optim.lr_scheduler LRScheduler LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR PolynomialLR ReduceLROnPlateau
        torch.optim.lr_scheduler SequentialLR StepLR _LRScheduler
        torch.optim.nadam NAdam
        torch.optim.optimizer Optimizer
        torch.optim.radam RAdam
        torch.optim.rmsprop RMSprop
        torch.optim.rprop Rprop
        torch.optim.sgd SGD
        torch.optim.sparse_adam SparseAdam
        torch.amp.grad_scaler GradScaler
        torch.cuda.amp.grad_scaler GradScaler
        torch.nn.backends.thnn THNNFunctionBackend _get_thnn_function_backend
        torch.utils.data.dataset Subset TensorDataset
        torch.torch_version TorchVersion
        # Nested tensors of ragged shape, and the marks on their dimensions.
        torch.nested._internal.nested_tensor NestedTensor _rebuild_njt
        torch._dynamo.decorators _DimRange
        # diffusers 0.42: configurations.
        diffusers.configuration_utils FrozenDict
        # timm 1.0, fastai 2.7, torchvision 0.29: tensor subclasses and averaged models.
        fastai.torch_core TensorBase TensorImage TensorMask TensorCategory
        torchvision.tv_tensors._image Image
        torchvision.tv_tensors._mask Mask
        """

    /// Modules (with all that is in them) that no checkpoint names: they reach the system, other code or the network.
    ///
    /// References: the block lists of picklescan 1.0.5 and fickling 0.1.12, the advisories against both, and weights_only's own.
    static let forbiddenTable = """
        os posix nt sys subprocess socket shutil runpy pty ctypes _ctypes importlib imp pkgutil zipimport antigravity this webbrowser pip ensurepip
        setuptools distutils code codeop pdb bdb cProfile profile timeit trace doctest pydoc idlelib lib2to3 marshal pickle _pickle cloudpickle
        dill joblib shelve multiprocessing _posixsubprocess _posixshmem asyncio threading _thread signal resource tempfile fileinput io _io
        builtins operator _operator functools _functools itertools gc atexit site venv unittest pytest nose test
        requests urllib urllib3 http httplib2 ftplib smtplib telnetlib poplib imaplib nntplib xmlrpc socketserver ssl aiohttp
        platform uu cgitb turtle tkinter curses readline rlcompleter cmd dis ast symtable tokenize compileall py_compile
        torch.hub torch.utils.cpp_extension torch.utils.bottleneck torch.utils.collect_env torch.utils._config_module
        torch.utils.data.datapipes torch.utils.model_zoo torch.jit torch.package torch.multiprocessing
        torch._dynamo torch._inductor torch.testing._internal
        numpy.testing numpy.f2py numpy.distutils numpy.lib.npyio numpy.ctypeslib IPython ipykernel
        """
}
