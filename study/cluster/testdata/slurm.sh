#!/bin/sh
#SBATCH --job-name=pgsrm-a-b-49297ae4
#SBATCH --array=1-3
#SBATCH --partition=long
#SBATCH --time=26:30:00
#SBATCH --cpus-per-task=4
#SBATCH --mem=2048M
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120

cd '/data/it'\''s here' || exit 1
again=
pgsrm study 'my study'\''s.yaml' --out 'runs/A b' --given 'model=$(HOME)/`x`;y' --small --threads 4 --shard "$SLURM_ARRAY_TASK_ID/3" &
pid=$!
trap 'woken=1 again=1; kill -TERM "$pid"' USR1
trap 'woken=1; kill -TERM "$pid"' TERM INT
while
  woken=
  wait "$pid"
  code=$?
  [ "$woken" ] # a signal ended the wait alone
do :; done
if [ "$again" ] && [ "$code" -eq 130 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
# the smallest
#!/bin/sh
#SBATCH --job-name=pgsrm-baserate-866c5b6e
#SBATCH --array=1-1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120

cd /runs || exit 1
again=
pgsrm study baserate --out /runs/baserate --shard "$SLURM_ARRAY_TASK_ID/1" &
pid=$!
trap 'woken=1 again=1; kill -TERM "$pid"' USR1
trap 'woken=1; kill -TERM "$pid"' TERM INT
while
  woken=
  wait "$pid"
  code=$?
  [ "$woken" ] # a signal ended the wait alone
do :; done
if [ "$again" ] && [ "$code" -eq 130 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
