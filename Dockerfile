# VariReal with all its extras, in the versions of the lock; docs/environments.md says how to use it.
#   docker build --tag varireal .
#   docker run --rm --volume "$PWD/results:/work/results" --user "$(id -u):$(id -g)" varireal
FROM docker.io/library/python:3.11-slim-bookworm AS build

# What is left out makes the image smaller: --build-arg EXTRAS="--extra clip" is enough for the demo.
ARG EXTRAS="--extra clip --extra coco --extra datasets --extra diffusion --extra llm --extra quantized --extra slurm --extra webdataset"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=/opt/venv

WORKDIR /src
COPY pyproject.toml envs/requirements.txt ./
# First what changes seldom. The lock constrains: packages that only developers need stay out.
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --constraint requirements.txt uv setuptools \
    && /opt/uv/bin/uv venv --python "$(command -v python3)" /opt/venv \
    && /opt/uv/bin/uv pip install --constraint requirements.txt --requirement pyproject.toml ${EXTRAS}
COPY README.md LICENSE Snakefile config.yaml ./
COPY envs envs
COPY workflow workflow
COPY src src
RUN /opt/uv/bin/uv pip install --no-deps .

FROM docker.io/library/python:3.11-slim-bookworm
COPY --from=build /opt/venv /opt/venv
WORKDIR /work
COPY Snakefile config.yaml ./
COPY envs envs
COPY studies studies
COPY workflow workflow
# Results and caches are in /work; any user may write there, so that --user can be the one who starts the container.
RUN mkdir -p .cache/huggingface results \
    && ln -s workflow/profiles profiles \
    && useradd --uid 1000 --no-create-home --home-dir /work varireal \
    && chmod -R a+rwX /work
# USER: Snakemake asks for the name of the user, and the number that --user gives may have none.
ENV PATH=/opt/venv/bin:$PATH HOME=/work USER=varireal XDG_CACHE_HOME=/work/.cache HF_HOME=/work/.cache/huggingface
USER 1000:1000
CMD ["snakemake", "--cores", "all", "--quiet", "progress", "rules"]
