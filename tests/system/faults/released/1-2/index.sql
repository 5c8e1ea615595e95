BEGIN TRANSACTION;
CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL, versioning TEXT);
INSERT INTO "buckets" VALUES('sagemaker-us-east-1-000000000000',1.79593058426097393039e+09,'Enabled');
INSERT INTO "buckets" VALUES('jobs',1.79593058452795076374e+09,'Enabled');
CREATE TABLE objects (bucket TEXT, key TEXT, file TEXT, size INTEGER, etag TEXT, modified REAL, headers TEXT, version TEXT NOT NULL DEFAULT 'null', number INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
INSERT INTO "objects" VALUES('jobs','config/rebalance.json','d12b844e465e45c99af6df34a94cf894',94,'f0f08ccd67faf629abbccc93c85734e0',1.79593058463118767742e+09,'{"x-amz-checksum-crc32": "OPzClA=="}','null',1);
INSERT INTO "objects" VALUES('jobs','kept','a32bbb7d7e644b8ba04f12d3b3f49b3f',30,'37737784601028cbb8eb78927b6c5f15',1.79593058465794467928e+09,'{"content-type": "text/plain", "x-amz-meta-who": "Ada", "x-amz-checksum-crc32": "7McuQg=="}','null',1);
INSERT INTO "objects" VALUES('jobs','out/trained/output/model.tar.gz','2d08949b5eb3447fb30620abb019dfcf',826,'abc3891afa65f02a0c55a65e9dfa5133',1.79593058833162474629e+09,'{"x-amz-checksum-crc32": "yQE/IQ=="}','AAAAAAABbO5ch6gnvD5EI0bf2Bh8Jlni',1);
INSERT INTO "objects" VALUES('jobs','table/data.csv','89a9aafb452b4f62a7effba707b3e599',6962,'63accd6d0119c83abb8162e71e73775f',1.79593058461400651932e+09,'{"x-amz-checksum-crc32": "Eu8WSg=="}','null',1);
INSERT INTO "objects" VALUES('jobs','train/data.csv','d356bc15e28c4b0dbdb8ee00a8d73b6f',6346,'bd915b082818ca491fa9cefe2dc643e3',1.79593058457600164416e+09,'{"x-amz-checksum-crc32": "8XMDTw=="}','null',1);
CREATE TABLE parts (upload TEXT, number INTEGER, file TEXT, size INTEGER, etag TEXT, modified REAL, PRIMARY KEY (upload, number));
INSERT INTO "parts" VALUES('01a225cdf69c4ea4bca219cbcf1eb69e',1,'adeb9cf79c7c403db4b1879c85f958cb',45,'620651dac3edcc1598635e6f9917c3ba',1.79593058474974107737e+09);
CREATE TABLE uploads (id TEXT PRIMARY KEY, bucket TEXT, key TEXT, headers TEXT, started REAL);
INSERT INTO "uploads" VALUES('01a225cdf69c4ea4bca219cbcf1eb69e','jobs','under way','{}',1.79593058473239588742e+09);
CREATE TABLE versions (bucket TEXT, key TEXT, file TEXT, size INTEGER, etag TEXT, modified REAL, headers TEXT, version TEXT NOT NULL,
  number INTEGER NOT NULL, PRIMARY KEY (bucket, key, number DESC)) WITHOUT ROWID;
INSERT INTO "versions" VALUES('jobs','versions',NULL,0,'',1.79593058472017264365e+09,'{}','AAAAAAAD7OpDqK3HDJ09MTcvUQ_07i6g',3);
INSERT INTO "versions" VALUES('jobs','versions','e8357a84e618488b9fc196a84a83d31a',5,'632a2406bbcbcd553eec45ac14b40a0a',1.79593058470028209684e+09,'{"x-amz-checksum-crc32": "iUROQQ=="}','AAAAAAACtrtl6NbL1KACVN9YVTrlk4kt',2);
INSERT INTO "versions" VALUES('jobs','versions','46d8995452824f27b310729056731cb4',25,'747167da10c6f9932c5ff883cdb3ea26',1.79593058466817545888e+09,'{"x-amz-checksum-crc32": "AcpmmA=="}','null',1);
CREATE UNIQUE INDEX versions_id ON versions (bucket, key, version);
COMMIT;
PRAGMA user_version=2;
