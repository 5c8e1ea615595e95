#!/usr/bin/env bash
# The workshop with the AWS CLI alone; prints what came of it as one line of JSON.
# Runs with the CLI's own environment (requirements-cli.txt) first in PATH, and the engine's AWS_* variables set:
#     bash workshop_cli.sh credit.csv
# credit.csv: header, LABEL first, coded integers.
set -euo pipefail
shopt -s inherit_errexit

export AWS_DEFAULT_OUTPUT=json
SOURCE=$1
BUCKET=workshop-cli
DATA=s3://$BUCKET/workshop
IMAGES=683313688378.dkr.ecr.us-east-1.amazonaws.com
XGBOOST=$IMAGES/sagemaker-xgboost:1.7-1
GROUP=workshop-cli-credit-default

say() { printf '%s\n' "$*" >&2; }
keep() { printf '%s\t%s\n' "$1" "$(xargs <<<"$2")" >>results.tsv; } # a figure of the outcome
sm() { aws sagemaker "$@"; }
text() { aws "$@" --output text; }
whole() { aws "$@" --output json | tr -d '" [],'; } # of several pages, which text queries one by one
refused() { # the code of the error that the call must end with
  if aws "$@" >/dev/null 2>error.txt; then say "not refused: $*"; return 1; fi
  sed -n 's/.*An error occurred (\([A-Za-z]*\)).*/\1/p' error.txt
}
ended() { # ended KIND NAME MEMBER: polls, as the CLI's own waiters look only every minute or two
  local status=InProgress
  while [[ $status == InProgress || $status == Stopping ]]; do
    sleep 0.5
    status=$(text sagemaker "describe-$1-job" "--$1-job-name" "$2" --query "$3")
  done
  printf '%s' "$status"
}

# 1. Who and where.
keep account "$(text sts get-caller-identity --query Account)"
ROLE=$(text iam get-role --role-name governance-execution --query Role.Arn)
aws iam wait role-exists --role-name governance-execution
keep allowed "$(text iam simulate-principal-policy --policy-source-arn "$ROLE" \
  --action-names sagemaker:CreateTrainingJob s3:GetObject --query 'EvaluationResults[].EvalDecision')"

# 2. Data: split, and put up as train (label first, no header) and validation.
mkdir -p data/train data/validation
sed -n 2,2401p "$SOURCE" >data/train/train.csv
tail -n +2402 "$SOURCE" >data/validation/validation.csv
head -c 12000000 /dev/urandom >large.bin # over the CLI's multipart threshold
aws s3 mb "s3://$BUCKET" >&2
aws s3api wait bucket-exists --bucket $BUCKET
aws s3 sync data "$DATA" --no-progress >&2
keep synced_again "$(aws s3 sync data "$DATA" --no-progress | wc -l)"
aws s3 cp large.bin "$DATA/large.bin" --no-progress >&2
aws s3 cp "$DATA/large.bin" large.back --no-progress >&2
keep large_is_whole "$(cmp large.bin large.back && echo yes)"
aws s3 cp "$SOURCE" "$DATA/raw/credit.csv" --metadata source=uci --content-type text/csv --no-progress >&2
aws s3 cp "$DATA/raw/credit.csv" "$DATA/raw/copy.csv" --no-progress >&2
aws s3 mv "$DATA/raw/copy.csv" "$DATA/raw/moved.csv" --no-progress >&2
aws s3 cp - "$DATA/notes.txt" <<<"of the workshop" >&2
keep note "$(aws s3 cp "$DATA/notes.txt" -)"
keep listed "$(aws s3 ls "$DATA/" --recursive --summarize | sed -n 's/.*Total Objects: //p')"
keep buckets "$(aws s3 ls | grep -c $BUCKET)"
aws configure set default.s3.signature_version s3v4 # without it, the CLI signs URLs as S3 did before 2020
url=$(aws s3 presign "$DATA/notes.txt" --expires-in 60)
keep presigned "$(python -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode().strip())' "$url")"
aws s3 rm "$DATA/large.bin" >&2
keep metadata "$(text s3api head-object --bucket $BUCKET --key workshop/raw/credit.csv --query Metadata.source)"
keep keys "$(whole s3api list-objects-v2 --bucket $BUCKET --prefix workshop/ --page-size 1 --query 'length(Contents)')"
keep versions "$(whole s3api list-object-versions --bucket $BUCKET --max-items 2 --query 'length(Versions)')"
aws s3api put-object --bucket $BUCKET --key workshop/once --body data/train/train.csv --if-none-match '*' >&2
keep taken "$(refused s3api put-object --bucket $BUCKET --key workshop/once --body data/train/train.csv --if-none-match '*')"
aws s3api get-object --bucket $BUCKET --key workshop/once --range bytes=0-9 ten >&2
keep ten "$(wc -c <ten)"
aws s3api delete-object --bucket $BUCKET --key workshop/once >&2
keep no_object "$(refused s3api get-object --bucket $BUCKET --key workshop/once /dev/null)"

# 3. The first model.
channel() { printf '{"ChannelName":"%s","ContentType":"text/csv","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"%s","S3DataDistributionType":"FullyReplicated"}}}' "$1" "$DATA/$1/"; }
CHANNELS="[$(channel train),$(channel validation)]"
RESOURCES='{"InstanceType":"ml.m5.xlarge","InstanceCount":1,"VolumeSizeInGB":5}'
train() { # train NAME ROUNDS [OPTION...]
  local name=$1 rounds=$2
  shift 2
  sm create-training-job --training-job-name "$name" --role-arn "$ROLE" \
    --algorithm-specification "TrainingImage=$XGBOOST,TrainingInputMode=File" \
    --hyper-parameters "objective=binary:logistic,num_round=$rounds,max_depth=5,eta=0.2,eval_metric=auc" \
    --input-data-config "$CHANNELS" --output-data-config "S3OutputPath=$DATA/output" --resource-config "$RESOURCES" \
    --stopping-condition MaxRuntimeInSeconds=3600 --tags Key=workshop,Value=governance "$@" >&2
}
sm create-experiment --experiment-name cli --display-name CLI >&2
sm create-trial --trial-name cli-trial --experiment-name cli >&2
train cli-baseline 20 --experiment-config ExperimentName=cli,TrialName=cli-trial
keep baseline "$(ended training cli-baseline TrainingJobStatus)"
sm wait training-job-completed-or-stopped --training-job-name cli-baseline
keep name_taken "$(refused sagemaker create-training-job --training-job-name cli-baseline --role-arn "$ROLE" \
  --algorithm-specification "TrainingImage=$XGBOOST,TrainingInputMode=File" --output-data-config "S3OutputPath=$DATA/output" \
  --resource-config "$RESOURCES" --stopping-condition MaxRuntimeInSeconds=3600)"
keep no_job "$(refused sagemaker describe-training-job --training-job-name never)"
train cli-stopped 1000000
sm stop-training-job --training-job-name cli-stopped
keep stopped "$(ended training cli-stopped TrainingJobStatus)"
sm delete-training-job --training-job-name cli-stopped
keep jobs "$(whole sagemaker list-training-jobs --name-contains cli- --page-size 1 --sort-by Name --query 'TrainingJobSummaries[].TrainingJobName')"

# 4. Its log.
keep log_group "$(text logs describe-log-groups --log-group-name-prefix /aws/sagemaker/Training --query 'logGroups[0].logGroupName')"
STREAM=$(text logs describe-log-streams --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name-prefix cli-baseline/ --query 'logStreams[0].logStreamName')
keep rounds "$(text logs get-log-events --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name "$STREAM" --start-from-head \
  --query 'length(events[?starts_with(message, `[`)])')"
keep found_in_log "$(text logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name-prefix cli-baseline/ \
  --filter-pattern validation-auc --query 'length(events)')"

# 5. Tuning.
tune() { # tune NAME JOBS
  sm create-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name "$1" --hyper-parameter-tuning-job-config "{
      \"Strategy\": \"Bayesian\", \"HyperParameterTuningJobObjective\": {\"Type\": \"Maximize\", \"MetricName\": \"validation:auc\"},
      \"ResourceLimits\": {\"MaxNumberOfTrainingJobs\": $2, \"MaxParallelTrainingJobs\": 2},
      \"ParameterRanges\": {\"IntegerParameterRanges\": [{\"Name\": \"max_depth\", \"MinValue\": \"1\", \"MaxValue\": \"10\"}],
        \"ContinuousParameterRanges\": [{\"Name\": \"eta\", \"MinValue\": \"0.05\", \"MaxValue\": \"1\"}]}}" \
    --training-job-definition "{
      \"StaticHyperParameters\": {\"objective\": \"binary:logistic\", \"num_round\": \"20\", \"eval_metric\": \"auc\"},
      \"AlgorithmSpecification\": {\"TrainingImage\": \"$XGBOOST\", \"TrainingInputMode\": \"File\"}, \"RoleArn\": \"$ROLE\",
      \"InputDataConfig\": $CHANNELS, \"OutputDataConfig\": {\"S3OutputPath\": \"$DATA/output\"},
      \"ResourceConfig\": $RESOURCES, \"StoppingCondition\": {\"MaxRuntimeInSeconds\": 3600}}" >&2
}
tune cli-tuning 3
keep tuning "$(ended hyper-parameter-tuning cli-tuning HyperParameterTuningJobStatus)"
BEST=$(text sagemaker describe-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name cli-tuning --query BestTrainingJob.TrainingJobName)
keep best_is_first "$([[ $BEST == $(text sagemaker list-training-jobs-for-hyper-parameter-tuning-job \
  --hyper-parameter-tuning-job-name cli-tuning --sort-by FinalObjectiveMetricValue --sort-order Descending --max-items 1 \
  --query 'TrainingJobSummaries[0].TrainingJobName' | head -n 1) ]] && echo yes)"
tune cli-long 90
sm stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name cli-long
keep tuning_stopped "$(ended hyper-parameter-tuning cli-long HyperParameterTuningJobStatus)"
sm delete-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name cli-long
keep tunings "$(text sagemaker list-hyper-parameter-tuning-jobs --query 'HyperParameterTuningJobSummaries[].HyperParameterTuningJobName')"
ARTIFACT=$(text sagemaker describe-training-job --training-job-name "$BEST" --query ModelArtifacts.S3ModelArtifacts)
aws s3 cp "$ARTIFACT" model.tar.gz --no-progress >&2
keep model_files "$(tar tzf model.tar.gz)"

# 6. The model, and Clarify's report on it.
sm create-model --model-name cli-model --primary-container "Image=$XGBOOST,ModelDataUrl=$ARTIFACT" --execution-role-arn "$ROLE" >&2
sm create-model --model-name cli-spare --primary-container "Image=$XGBOOST,ModelDataUrl=$ARTIFACT" --execution-role-arn "$ROLE" >&2
sm delete-model --model-name cli-spare
keep no_model "$(refused sagemaker describe-model --model-name cli-spare)"
keep models "$(text sagemaker list-models --name-contains cli- --query 'Models[].ModelName')"
keep model_data "$(text sagemaker describe-model --model-name cli-model --query "PrimaryContainer.ModelDataUrl=='$ARTIFACT'")"
HEADERS=$(head -n 1 "$SOURCE" | tr -d '\r' | sed 's/[^,]*/"&"/g')
cat >analysis_config.json <<JSON
{"version": "1.0", "dataset_type": "text/csv", "headers": [$HEADERS], "label": "LABEL", "label_values_or_threshold": [0],
 "facet": [{"name_or_index": "SEX", "value_or_threshold": [1]}], "group_variable": "AGE", "probability_threshold": 0.5,
 "predictor": {"model_name": "cli-model", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1, "accept_type": "text/csv"},
 "methods": {"report": {"name": "report", "title": "Analysis Report"},
   "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}}
JSON
aws s3 cp analysis_config.json "$DATA/config/analysis_config.json" --no-progress >&2
input() { printf '{"InputName":"%s","S3Input":{"S3Uri":"%s","LocalPath":"/opt/ml/processing/input/%s","S3DataType":"S3Prefix","S3InputMode":"File"}}' "$1" "$2" "$3"; }
clarify() { # clarify NAME
  sm create-processing-job --processing-job-name "$1" --role-arn "$ROLE" \
    --app-specification "ImageUri=$IMAGES/sagemaker-clarify-processing:1.0" --processing-resources "{\"ClusterConfig\": $RESOURCES}" \
    --processing-inputs "[$(input dataset "$DATA/validation/validation.csv" data),$(input analysis_config "$DATA/config/analysis_config.json" config)]" \
    --processing-output-config "{\"Outputs\":[{\"OutputName\":\"analysis_result\",\"S3Output\":{\"S3Uri\":\"$DATA/$1\",
      \"LocalPath\":\"/opt/ml/processing/output\",\"S3UploadMode\":\"EndOfJob\"}}]}" >&2
}
clarify cli-bias
keep bias "$(ended processing cli-bias ProcessingJobStatus)"
sm wait processing-job-completed-or-stopped --processing-job-name cli-bias
clarify cli-bias-stopped
sm stop-processing-job --processing-job-name cli-bias-stopped
keep bias_stopped "$(ended processing cli-bias-stopped ProcessingJobStatus)"
sm delete-processing-job --processing-job-name cli-bias-stopped
keep processing "$(text sagemaker list-processing-jobs --query 'ProcessingJobSummaries[].ProcessingJobName')"
aws s3 sync "$DATA/cli-bias" report --no-progress >&2
keep reports "$(ls report | tr '\n' ' ')"
keep metrics "$(python -c 'import json; print(len(json.load(open("report/analysis.json"))["post_training_bias_metrics"]["facets"]["SEX"][0]["metrics"]))')"

# 7. Lineage: the raw data joined to the trial component of the best job, and what is known of the model.
COMPONENT=$(text sagemaker describe-trial-component --trial-component-name "$BEST-aws-training-job" --query TrialComponentArn)
RAW=$(text sagemaker create-artifact --artifact-name cli-data --source "SourceUri=$DATA/raw/credit.csv" --artifact-type Dataset --query ArtifactArn)
sm update-artifact --artifact-arn "$RAW" --properties rows=3000 >&2
sm add-association --source-arn "$RAW" --destination-arn "$COMPONENT" --association-type ContributedTo >&2
MODEL=$(text sagemaker list-artifacts --source-uri "$ARTIFACT" --query 'ArtifactSummaries[0].ArtifactArn')
keep ascendants "$(text sagemaker query-lineage --start-arns "$MODEL" --direction Ascendants --include-edges \
  --query "sort(Vertices[].Type)")"
keep rows "$(text sagemaker describe-artifact --artifact-arn "$RAW" --query Properties.rows)"
ACTION=$(text sagemaker create-action --action-name cli-review --source "SourceUri=$DATA" --action-type Review --status InProgress --query ActionArn)
sm update-action --action-name cli-review --status Completed >&2
PROJECT=$(text sagemaker create-context --context-name cli-project --source "SourceUri=$DATA" --context-type Project --query ContextArn)
sm update-context --context-name cli-project --description "The workshop" >&2
sm add-association --source-arn "$RAW" --destination-arn "$ACTION" --association-type ContributedTo >&2
sm add-association --source-arn "$ACTION" --destination-arn "$PROJECT" >&2
keep review "$(text sagemaker describe-action --action-name cli-review --query Status)"
keep project "$(text sagemaker describe-context --context-name cli-project --query Description)"
keep outgoing "$(whole sagemaker list-associations --source-arn "$RAW" --page-size 1 --query 'length(AssociationSummaries)')"
keep actions "$(text sagemaker list-actions --action-type Review --query 'ActionSummaries[].ActionName')"
keep contexts "$(text sagemaker list-contexts --context-type Project --query 'ContextSummaries[].ContextName')"
keep lineage_group "$(text sagemaker describe-lineage-group --lineage-group-name sagemaker-default-lineage-group --query LineageGroupName)"
keep lineage_groups "$(text sagemaker list-lineage-groups --query 'length(LineageGroupSummaries)')"

# 8. Experiments.
keep in_trial "$(text sagemaker list-trial-components --trial-name cli-trial --query 'TrialComponentSummaries[].TrialComponentName')"
sm create-trial-component --trial-component-name cli-step --parameters '{"rows": {"NumberValue": 3000}}' >&2
sm update-trial-component --trial-component-name cli-step --status PrimaryStatus=Completed >&2
sm associate-trial-component --trial-component-name cli-step --trial-name cli-trial >&2
sm update-trial --trial-name cli-trial --display-name Trial >&2
sm update-experiment --experiment-name cli --description "The workshop with the CLI" >&2
keep experiment "$(text sagemaker describe-experiment --experiment-name cli --query Description)"
keep experiments "$(text sagemaker list-experiments --query 'ExperimentSummaries[].ExperimentName')"
keep trial "$(text sagemaker describe-trial --trial-name cli-trial --query DisplayName)"
keep trials "$(text sagemaker list-trials --experiment-name cli --query 'TrialSummaries[].TrialName')"

# 9. The registry: group, version with its report, decision.
sm create-model-package-group --model-package-group-name $GROUP --model-package-group-description "Default of credit" >&2
register() {
  text sagemaker create-model-package --model-package-group-name $GROUP --model-approval-status PendingManualApproval \
    --inference-specification "{\"Containers\":[{\"Image\":\"$XGBOOST\",\"ModelDataUrl\":\"$ARTIFACT\"}],
      \"SupportedContentTypes\":[\"text/csv\"],\"SupportedResponseMIMETypes\":[\"text/csv\"]}" \
    --model-metrics "Bias={Report={ContentType=application/json,S3Uri=$DATA/cli-bias/analysis.json}}" --query ModelPackageArn
}
PACKAGE=$(register)
SECOND=$(register)
sm update-model-package --model-package-arn "$PACKAGE" --model-approval-status Approved --approval-description "The report was read" \
  --customer-metadata-properties reviewed=yes >&2
sm delete-model-package --model-package-name "$SECOND"
keep approved "$(text sagemaker describe-model-package --model-package-name "$PACKAGE" --query '[ModelApprovalStatus, ApprovalDescription, CustomerMetadataProperties.reviewed]')"
keep packages "$(text sagemaker list-model-packages --model-package-group-name $GROUP --model-approval-status Approved --query 'length(ModelPackageSummaryList)')"
keep batch "$(text sagemaker batch-describe-model-package --model-package-arn-list "$PACKAGE" --query 'length(keys(ModelPackageSummaries))')"
keep group "$(text sagemaker describe-model-package-group --model-package-group-name $GROUP --query ModelPackageGroupDescription)"
keep groups "$(text sagemaker list-model-package-groups --name-contains $GROUP --query 'length(ModelPackageGroupSummaryList)')"
keep group_in_use "$(refused sagemaker delete-model-package-group --model-package-group-name $GROUP)"
keep approval "$(text sagemaker list-actions --action-type Approval --query "ActionSummaries[?contains(ActionName, '-Approved-')] | length(@)")"
sm create-model-package-group --model-package-group-name cli-spare >&2
sm delete-model-package-group --model-package-group-name cli-spare

# 10. Search and tags.
keep searched "$(text sagemaker search --resource TrainingJob --search-expression \
  '{"Filters":[{"Name":"Tags.workshop","Operator":"Equals","Value":"governance"}]}' --query 'Results[].TrainingJob.TrainingJobName')"
keep searched_packages "$(whole sagemaker search --resource ModelPackage --page-size 1 --search-expression \
  "{\"Filters\":[{\"Name\":\"ModelPackageGroupName\",\"Operator\":\"Equals\",\"Value\":\"$GROUP\"}]}" --query 'length(Results)')"
ARN=$(text sagemaker describe-model --model-name cli-model --query ModelArn)
sm add-tags --resource-arn "$ARN" --tags Key=stage,Value=test Key=draft,Value=yes >&2
sm delete-tags --resource-arn "$ARN" --tag-keys draft
keep tags "$(text sagemaker list-tags --resource-arn "$ARN" --query 'Tags[].[Key, Value]')"

# 11. Model cards.
cat >card.json <<JSON
{"model_overview": {"model_id": "$ARN", "model_name": "cli-model", "problem_type": "Binary classification"},
 "intended_uses": {"purpose_of_model": "Rank applications", "risk_rating": "High"}}
JSON
sm create-model-card --model-card-name cli-card --content file://card.json --model-card-status Draft >&2
sed -i 's/Rank applications/Rank applications for credit/' card.json
sm update-model-card --model-card-name cli-card --content file://card.json >&2
sm update-model-card --model-card-name cli-card --model-card-status PendingReview >&2
keep card_refused "$(refused sagemaker update-model-card --model-card-name cli-card --content '{"intended_uses": {"risk_rating": "Frightful"}}')"
keep card "$(text sagemaker describe-model-card --model-card-name cli-card --query '[ModelCardStatus, ModelCardVersion]')"
keep card_versions "$(text sagemaker list-model-card-versions --model-card-name cli-card --query 'ModelCardVersionSummaryList[].ModelCardVersion')"
keep cards "$(text sagemaker list-model-cards --query 'ModelCardSummaries[].ModelCardName')"
EXPORT=$(text sagemaker create-model-card-export-job --model-card-name cli-card --model-card-export-job-name cli-export \
  --output-config "S3OutputPath=$DATA/cards" --query ModelCardExportJobArn)
aws s3 cp "$(text sagemaker describe-model-card-export-job --model-card-export-job-arn "$EXPORT" --query ExportArtifacts.S3ExportArtifacts)" card.pdf --no-progress >&2
keep pdf "$(head -c 4 card.pdf)"
keep exports "$(text sagemaker list-model-card-export-jobs --model-card-name cli-card --query 'length(ModelCardExportJobSummaries)')"
keep card_found "$(text sagemaker search --resource ModelCard --search-expression \
  "{\"Filters\":[{\"Name\":\"ModelId\",\"Operator\":\"Equals\",\"Value\":\"$ARN\"}]}" --query 'Results[].ModelCard.ModelCardName')"

# 12. What was made for a look, taken away again.
sm delete-association --source-arn "$RAW" --destination-arn "$ACTION" >&2
sm delete-association --source-arn "$ACTION" --destination-arn "$PROJECT" >&2
sm delete-association --source-arn "$RAW" --destination-arn "$COMPONENT" >&2
sm delete-action --action-name cli-review >&2
sm delete-context --context-name cli-project >&2
sm delete-artifact --artifact-arn "$RAW" >&2
sm disassociate-trial-component --trial-component-name cli-step --trial-name cli-trial >&2
sm delete-trial-component --trial-component-name cli-step >&2
sm disassociate-trial-component --trial-component-name cli-baseline-aws-training-job --trial-name cli-trial >&2
sm delete-trial --trial-name cli-trial >&2
sm delete-experiment --experiment-name cli >&2
sm delete-model-card --model-card-name cli-card
keep bucket_in_use "$(aws s3 rb "s3://$BUCKET" 2>&1 | grep -c BucketNotEmpty)"
aws s3 rb "s3://$BUCKET" --force >&2
aws s3api wait bucket-not-exists --bucket $BUCKET
keep end reached

python -c 'import json; print(json.dumps(dict(line.rstrip("\n").split("\t", 1) for line in open("results.tsv"))))'
