# docker build -t entitybench .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" entitybench eval --agent hecrl --task push-3blocks
#
# The tests hold it to the pins and to the package's extras; they build no image.
FROM python:3.11-slim

# EGL and OSMesa draw without a display; g++ compiles losses while training.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libegl1 libgl1-mesa-dri libosmesa6 g++ \
 && rm -rf /var/lib/apt/lists/*

# pip's own torch for Linux is the build with CUDA, some gigabytes. What torch needs comes with the
# rest, from pip's index.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /opt/entitybench
COPY constraints/default.txt constraints/default.txt
RUN pip install --no-cache-dir --no-deps torch -c constraints/default.txt --index-url "$TORCH_INDEX"
COPY . .
RUN pip install --no-cache-dir '.[all]' -c constraints/default.txt

# Data, runs and results stay in the folder that is mounted here.
WORKDIR /work
ENV ENTITYBENCH_DATA=/work/data OMP_NUM_THREADS=1 HOME=/tmp
ENTRYPOINT ["bench"]
CMD ["--help"]
