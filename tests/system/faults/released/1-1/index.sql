BEGIN TRANSACTION;
CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL);
INSERT INTO "buckets" VALUES('sagemaker-us-east-1-000000000000',1.79555636089641618732e+09);
INSERT INTO "buckets" VALUES('jobs',1.79555636153029632567e+09);
CREATE TABLE objects (bucket TEXT, key TEXT, file TEXT, size INTEGER, etag TEXT, modified REAL, headers TEXT,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
INSERT INTO "objects" VALUES('jobs','config/rebalance.json','27470a9b781342d88bd26cbc2613e3fb',94,'f0f08ccd67faf629abbccc93c85734e0',1.7955563616444523335e+09,'{"x-amz-checksum-crc32": "OPzClA=="}');
INSERT INTO "objects" VALUES('jobs','kept','5cc19d814ba9480ebcfa046578c26d3e',30,'37737784601028cbb8eb78927b6c5f15',1.79555636171910190579e+09,'{"content-type": "text/plain", "x-amz-meta-who": "Ada", "x-amz-checksum-crc32": "7McuQg=="}');
INSERT INTO "objects" VALUES('jobs','out/trained/output/model.tar.gz','873f984a00df4c53b8ac220dc535d868',817,'25c54ae330e7c68f13b8c33a62e3be8e',1.79555636911231350895e+09,'{"x-amz-checksum-crc32": "GjWz+w=="}');
INSERT INTO "objects" VALUES('jobs','table/data.csv','fea6c42e91e2423ca99a1faf015799bb',6962,'63accd6d0119c83abb8162e71e73775f',1.79555636162953853604e+09,'{"x-amz-checksum-crc32": "Eu8WSg=="}');
INSERT INTO "objects" VALUES('jobs','train/data.csv','bf685ae4a13d408bb2ce0521675f5e6c',6346,'bd915b082818ca491fa9cefe2dc643e3',1.79555636159205436706e+09,'{"x-amz-checksum-crc32": "8XMDTw=="}');
CREATE TABLE parts (upload TEXT, number INTEGER, file TEXT, size INTEGER, etag TEXT, modified REAL, PRIMARY KEY (upload, number));
INSERT INTO "parts" VALUES('f6d28f6c06b24b30ac961e668f03113f',1,'4dcd77eba4284b70b354eeb0090730ef',45,'620651dac3edcc1598635e6f9917c3ba',1.79555636180357432369e+09);
CREATE TABLE uploads (id TEXT PRIMARY KEY, bucket TEXT, key TEXT, headers TEXT, started REAL);
INSERT INTO "uploads" VALUES('f6d28f6c06b24b30ac961e668f03113f','jobs','under way','{}',1.79555636176743173594e+09);
COMMIT;
PRAGMA user_version=1;
