"""Writes Fixtures/torch: checkpoints of every age and oddity that PyTorch itself writes, or wrote, each beside what is in it.

    python Tools/Goldens/torch_archives.py Fixtures/torch

FILE             the checkpoint
FILE.txt         golden: `model|rest name dtype [shape] sha256` of the row-major little-endian bytes, then `fact key value`,
                 `alias name original`, `unconverted path`

Versions in Tools/Goldens/requirements.txt (torch 2.13.0, numpy). Classes of packages that are not installed are made up under their names.
"""

import argparse
import collections
import datetime
import hashlib
import io
import pathlib
import pickle
import struct
import sys
import tarfile
import types
import zipfile

import numpy
import torch

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.uint16: "U16", torch.int16: "I16", torch.uint32: "U32",
    torch.int32: "I32", torch.uint64: "U64", torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32",
    torch.float64: "F64", torch.complex32: "C32", torch.complex64: "C64", torch.complex128: "C128", torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.float8_e8m0fnu: "F8_E8M0", torch.float4_e2m1fn_x2: "F4", torch.qint8: "QINT8", torch.quint8: "QUINT8", torch.qint32: "QINT32",
    numpy.dtype("float32"): "F32", numpy.dtype("float64"): "F64", numpy.dtype("int32"): "I32", numpy.dtype("uint8"): "U8",
    numpy.dtype(">f4"): "F32", numpy.dtype("float16"): "F16", numpy.dtype("uint32"): "U32",
}


def row_major(value):
    if isinstance(value, numpy.ndarray):
        return numpy.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
    value = value.detach()
    if value.is_quantized:
        value = value.int_repr()
    value = value.resolve_conj().resolve_neg().contiguous()
    return b"" if value.numel() == 0 else value.reshape(-1).view(torch.uint8).numpy().tobytes()


def line(kind, name, value):
    shape = list(value.shape)
    if value.dtype == torch.float4_e2m1fn_x2:
        shape[-1] *= 2
    return f"{kind} {name} {NAMES[value.dtype]} {shape} {hashlib.sha256(row_major(value)).hexdigest()}"


class Folder:
    def __init__(self, path):
        self.path = path

    def write(self, name, content, model, rest=None, facts=None, aliases=None, unconverted=()):
        (self.path / name).write_bytes(content)
        lines = [line("model", key, value) for key, value in model.items()]
        lines += [line("rest", key, value) for key, value in (rest or {}).items()]
        lines += [f"fact {key} {value}" for key, value in (facts or {}).items()]
        lines += [f"alias {key} {value}" for key, value in (aliases or {}).items()]
        lines += [f"unconverted {key}" for key in unconverted]
        (self.path / (name + ".txt")).write_text("\n".join(lines) + "\n")


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def numbers(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).to(dtype)


def made_up(module, name, base=object):
    """A class under the name of one in a package that is not installed."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
    made = type(name, (base,), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def every_dtype():
    result = collections.OrderedDict()
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.complex32,
                  torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        result[str(dtype)[6:]] = numbers(3, 5, seed=1, dtype=torch.float32).mul(9).to(dtype)
    for dtype, base in ((torch.uint16, torch.int16), (torch.uint32, torch.int32), (torch.uint64, torch.int64)):
        result[str(dtype)[6:]] = numbers(7, seed=2).mul(900).to(base).view(dtype)
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
                  torch.float4_e2m1fn_x2):
        result[str(dtype)[6:]] = torch.arange(4, 16, dtype=torch.uint8).reshape(3, 4).view(dtype)
    result["scalar"] = torch.tensor(2.5, dtype=torch.float16)
    result["empty"] = torch.zeros(0, 3)
    result["empty.middle"] = torch.zeros(2, 0, 3, dtype=torch.int64)
    return result


def views():
    whole = numbers(40, 50, seed=3)
    result = collections.OrderedDict()
    result["whole"] = whole
    result["transposed"] = whole.t()
    result["cropped"] = whole[3:17, 5:29]
    result["stepped"] = whole[::3, 1::7]
    result["row"] = whole[7]
    result["column"] = whole[:, 7]
    result["tail"] = whole.reshape(-1)[1990:]
    result["again"] = whole
    result["reshaped"] = whole.view(50, 40)
    result["expanded"] = numbers(1, 6, seed=4).expand(5, 6)
    result["one"] = torch.tensor(1.5).expand(3, 1, 4)
    result["permuted"] = numbers(3, 4, 5, 6, seed=5, dtype=torch.float16).permute(2, 0, 3, 1)
    result["channels_last"] = numbers(2, 3, 8, 9, seed=6).to(memory_format=torch.channels_last)
    result["overlapping"] = numbers(20, seed=7).as_strided((5, 4), (3, 2), 1)
    value = numbers(4, 6, seed=8).to(torch.complex64)
    result["conjugate"] = value.conj()
    result["conjugate.transposed"] = value.conj().t()
    result["negative"] = torch._neg_view(numbers(3, 4, seed=19))
    result["bytes.transposed"] = torch.arange(99, dtype=torch.uint8).reshape(9, 11).t()
    result["wide.transposed"] = numbers(5, 7, seed=9).to(torch.complex128).t()
    return result


def lightning():
    callback = made_up("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    attributes = made_up("pytorch_lightning.utilities.parsing", "AttributeDict", dict)
    container = made_up("omegaconf.listconfig", "ListConfig")
    metadata = made_up("omegaconf.base", "ContainerMetadata")
    model = collections.OrderedDict([("a.weight", numbers(4, 3, seed=10)), ("a.bias", numbers(4, seed=11)), ("step", torch.tensor(7))])
    model._metadata = collections.OrderedDict([("", {"version": 1}), ("a", {"version": 1})])
    configuration = container()
    configuration.__dict__.update({"_metadata": metadata(), "_parent": None, "_content": [1, 2]})
    counts = collections.defaultdict(list)
    counts["a"].append(3)
    momentum = numbers(4, 3, seed=12)
    # `_codecs.encode` and the rest of the old spellings come with protocol 2, which torch.save uses.
    whole = {
        "epoch": 6, "global_step": 470000, "pytorch-lightning_version": "1.4.2", "state_dict": model,
        "callbacks": {callback: {"monitor": "val/loss", "best_model_score": torch.tensor(0.25), "dirpath": "logs"}},
        "optimizer_states": [{"state": {0: {"step": 5, "exp_avg": momentum}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]}],
        "lr_schedulers": [{"base_lrs": [1e-4], "last_epoch": 3}],
        "loss": numpy.float64(0.125), "best": numpy.float32(0.5), "count": numpy.int64(-3),
        "hyper_parameters": attributes({"rate": 1e-4, "name": "tiny"}), "config": configuration, "counts": counts,
        "args": argparse.Namespace(seed=42, path=pathlib.PurePosixPath("/data"), when=datetime.datetime(2022, 8, 22, 12, 30)),
        "random": ("MT19937", numpy.arange(4, dtype=numpy.uint32), 3),
    }
    rest = {
        "callbacks.pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint.best_model_score": torch.tensor(0.25),
        "optimizer_states.0.state.0.exp_avg": momentum, "random.1": whole["random"][1],
    }
    facts = {"epoch": 6, "global_step": 470000, "pytorch-lightning_version": "1.4.2", "loss": 0.125, "best": 0.5, "count": -3}
    return whole, model, rest, facts


def repacked(archive, method, change=lambda name, data: data, folders=False):
    """The same members through Python's zip writer."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w", method) as target:
        if folders:
            target.writestr("archive/", b"")
            target.writestr("archive/data/", b"")
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), change(name, source.read(name)), method)
    return buffer.getvalue()


def tar_archive():
    """The format of PyTorch 0.1.2 to 0.1.12. Reference: torch/serialization.py of v0.1.12, `save` before magic numbers, and today's `legacy_load`."""
    first, second = numbers(3, 4, seed=20), numbers(6, seed=21, dtype=torch.float64)
    storages, tensors = io.BytesIO(), io.BytesIO()

    class Name:
        def __init__(self, module, name):
            self.module, self.name = module, name

    class Pickler(pickle._Pickler):
        """Writes `Name` as a global, and tensors by number."""

        def save(self, obj, save_persistent_id=True):
            if isinstance(obj, Name):
                self.write(b"c" + obj.module.encode() + b"\n" + obj.name.encode() + b"\n")
                return
            super().save(obj, save_persistent_id)

        def persistent_id(self, obj):
            return self.numbers.get(id(obj)) if isinstance(obj, torch.Tensor) else None

    def dump(value, file, numbering=None):
        pickler = Pickler(file, 2)
        pickler.numbers = numbering or {}
        pickler.dump(value)

    dump(2, storages)
    for key, kind, value in ((101, "FloatStorage", first), (102, "DoubleStorage", second)):
        dump((key, "cpu", Name("torch", kind)), storages)
        storages.write(struct.pack("<q", value.numel()) + row_major(value))
    dump([(103, 102, 2, 3)], storages)  # a view: target, root, offset, count

    transposed, part = first.t(), second[2:5][1:]
    entries = [(1, 101, "FloatTensor", first, 0), (2, 101, "FloatTensor", transposed, 0), (3, 102, "DoubleTensor", second, 0),
               (4, 103, "DoubleTensor", part, 1)]
    dump(len(entries), tensors)
    for key, storage, kind, value, offset in entries:
        dump((key, storage, Name("torch", kind)), tensors)
        # The number of dimensions took eight bytes by mistake.
        tensors.write(struct.pack("<ii", value.dim(), 0) + struct.pack(f"<{value.dim()}q", *value.shape))
        tensors.write(struct.pack(f"<{value.dim()}q", *value.stride()) + struct.pack("<q", offset))

    model = collections.OrderedDict([("a", first), ("b", transposed), ("c", second), ("d", part)])
    content, system = io.BytesIO(), io.BytesIO()
    dump(model, content, {id(first): "1", id(transposed): "2", id(second): "3", id(part): "4"})
    dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}, system)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for name, data in (("sys_info", system), ("pickle", content), ("storages", storages), ("tensors", tensors)):
            information = tarfile.TarInfo(name)
            information.size = len(data.getvalue())
            tar.addfile(information, io.BytesIO(data.getvalue()))
    return buffer.getvalue(), model


def main(path):
    path.mkdir(parents=True, exist_ok=True)
    folder = Folder(path)
    simple = collections.OrderedDict([("a.weight", numbers(4, 3, seed=30)), ("a.bias", numbers(4, seed=31, dtype=torch.float16)),
                                      ("é", torch.arange(5))])

    folder.write("dtypes.pt", saved(every_dtype()), every_dtype())
    folder.write("views.pt", saved(views()), views(), aliases={"again": "whole"})
    whole, model, rest, facts = lightning()
    folder.write("lightning.ckpt", saved(whole), model, rest, facts)
    for version in (0, 1, 2, 3, 4, 5):
        if version >= 2:  # tuples as persistent identifiers need a binary protocol
            folder.write(f"protocol{version}.pt", saved(whole, pickle_protocol=version), model, rest, facts)

    folder.write("legacy.pt", saved(whole, _use_new_zipfile_serialization=False), model, rest, facts)
    folder.write("legacy-views.pt", saved(views(), _use_new_zipfile_serialization=False), views(), aliases={"again": "whole"})
    folder.write("legacy-dtypes.pt", saved({k: v for k, v in every_dtype().items()}, _use_new_zipfile_serialization=False), every_dtype())
    content, model_of_tar = tar_archive()
    folder.write("tar.pt", content, model_of_tar)

    folder.write("deflated.pt", repacked(saved(whole), zipfile.ZIP_DEFLATED, folders=True), model, rest, facts)
    folder.write("deflated-views.pt", repacked(saved(views()), zipfile.ZIP_DEFLATED), views(), aliases={"again": "whole"})
    folder.write("rezipped.pt", repacked(saved(simple), zipfile.ZIP_STORED), simple)

    sizes = {}  # by order of the records in dtypes.pt
    for index, value in enumerate(every_dtype().values()):
        unit = value.element_size() // (2 if value.dtype.is_complex else 1)
        sizes[f"archive/data/{index}"] = unit

    def swapped(name, data):
        if name == "archive/byteorder":
            return b"big"
        unit = sizes.get(name, 1)
        return b"".join(data[start:start + unit][::-1] for start in range(0, len(data), unit)) if unit > 1 else data

    folder.write("big-endian.pt", repacked(saved(every_dtype()), zipfile.ZIP_STORED, swapped), every_dtype())

    parameter = torch.nn.Parameter(numbers(2, 3, seed=40))
    labelled = torch.nn.Parameter(numbers(3, seed=41), requires_grad=False)
    labelled.label = "kept"
    folder.write("parameters.pt", saved({"a": parameter, "b": labelled, "c": parameter}),
                 {"a": parameter, "b": labelled, "c": parameter}, aliases={"c": "a"})
    embedding = torch.nn.ParameterDict({"*": torch.nn.Parameter(numbers(1, 8, seed=42))})
    folder.write("embedding.pt", saved({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": embedding, "name": "cat", "step": 500}),
                 {"*": embedding["*"]}, {"string_to_token.*": torch.tensor(265)}, {"name": "cat", "step": 500})
    torch.manual_seed(5)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Sequential(torch.nn.Linear(4, 2, bias=False)))
    folder.write("module.pt", saved(module), {
        name: value for part in ("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
                                 "2.0.weight") for name, value in [(part, module.state_dict()[part])]})
    folder.write("two-sets.pth", saved({"params": {"w": numbers(3, seed=50)}, "params_ema": {"w": numbers(3, seed=51)}}),
                 {"w": numbers(3, seed=51)}, {"params.w": numbers(3, seed=50)})
    folder.write("single.pt", saved(numbers(2, 2, seed=52)), {"tensor": numbers(2, 2, seed=52)})
    folder.write("list.pt", saved([numbers(2, seed=53), {"x": numbers(3, seed=54)}]), {"0": numbers(2, seed=53), "1.x": numbers(3, seed=54)})
    folder.write("nothing.pt", saved({"epoch": 3, "name": "none"}), {}, facts={"epoch": 3, "name": "none"})
    sparse = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2))
    quantized = torch.quantize_per_tensor(numbers(3, 3, seed=55), 0.1, 10, torch.quint8)
    folder.write("sparse-quantized.pt", saved({"dense": numbers(2, seed=56), "sparse": sparse, "quantized": quantized}),
                 {"dense": numbers(2, seed=56), "quantized": quantized}, unconverted=["sparse"])

    # What a writer must write, but for the first half of the identifier.
    written = collections.OrderedDict([(name, value) for name, value in every_dtype().items()] + [
        ("7", numbers(2, 3, 4, 5, seed=60)), ("wide", numbers(300, seed=61)), ("", numbers(1, seed=62)), ("x" * 300, numbers(1, 1, seed=63)),
        ("deep", numbers(70000, seed=64, dtype=torch.bool)), ("é", numbers(2, seed=65))])
    folder.write("written.pt", saved(written), written)
    one = collections.OrderedDict(only=numbers(3, seed=66))
    folder.write("written-one.pt", saved(one), one)
    many = collections.OrderedDict((f"layer.{index}", numbers(1, seed=index, dtype=torch.int8)) for index in range(1001))
    folder.write("written-many.pt", saved(many), many)
    extras = {"global_step": 470000, "epoch": 6, "big": 1 << 40, "less": -129, "rate": 1e-4, "name": "Zürich", "done": True, "nothing": None}
    folder.write("written-nested.ckpt", saved({"state_dict": simple, **extras}), simple,
                 facts={key: {True: "true"}.get(value, value) for key, value in extras.items() if value is not None})

    arrays = {"model": {"w": numpy.arange(12, dtype=numpy.float32).reshape(3, 4), "t": numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
                        "b": numpy.arange(5, dtype=">f4"), "e": numpy.zeros((0, 2), numpy.int32), "h": numpy.float16([1.5, -2])}}
    for version in (0, 2, 3, 4, 5):
        folder.write(f"arrays{version}.pkl", pickle.dumps(arrays, protocol=version), arrays["model"])


main(pathlib.Path(sys.argv[1]))
