# docker build -t entitybench .
# docker run --rm -v "$PWD:/work" entitybench eval --agent hecrl --task push-3blocks
FROM python:3.11-slim

# EGL and OSMesa draw without a display; g++ compiles losses while training.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libegl1 libgl1-mesa-dri libosmesa6 g++ \
 && rm -rf /var/lib/apt/lists/*

# pip's own torch for Linux is the build with CUDA, some gigabytes.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /opt/entitybench
COPY constraints/default.txt constraints/default.txt
RUN pip install --no-cache-dir torch -c constraints/default.txt --index-url "$TORCH_INDEX"
COPY . .
RUN pip install --no-cache-dir '.[all]' -c constraints/default.txt

# Data, runs and results stay in the folder that is mounted here.
WORKDIR /work
ENV ENTITYBENCH_DATA=/work/data OMP_NUM_THREADS=1
ENTRYPOINT ["bench"]
CMD ["--help"]
